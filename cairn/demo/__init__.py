"""The demo: a picture site on loopback, simulated annotators, and a report of the whole chain."""
