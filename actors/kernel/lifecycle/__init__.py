"""How actors live: started, supervised, restarted, stopped in order.

In: child specs and a strategy.
Out: a running tree; a crash ends or restarts what the strategy says.
"""
