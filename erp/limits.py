"""How much a process of the server takes on, and how large a request may be."""

# Requests that are worked on at once.
THREADS = 4
# Requests that wait for a thread, all of them whole: at 100 ms each, the last waits a bit more than a second.
MOST_WAITING = 50
# Clients that are connected, most of them idle or slow.
MOST_CONNECTIONS = 500
# Bytes: a file to import is the largest.
LARGEST_BODY = 100_000_000
