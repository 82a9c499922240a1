"""How to reach a hall: its address, a websocket from the client's side, pauses between attempts.

In: an address.
Out: an open websocket; it imports little, since every bridge and hook pays for it.
"""
