"""What the task of one request runs between the transport and the actors.

In: who asks and what, from any transport.
Out: a result or a refusal; a verdict comes without a hop where a published view has it.
"""
