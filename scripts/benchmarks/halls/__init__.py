"""Work on a whole hall: in this process, or as a server with clients.

In: a gate or an address.
Out: figures of requests.
"""
