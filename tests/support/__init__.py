"""What several test modules share: clocks, raw sockets, counts of what is open.

A module that uses a fixture from here gives it a name: `transport = transports.transport`.
"""
