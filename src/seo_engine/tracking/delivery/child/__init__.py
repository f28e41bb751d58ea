"""Delivery in a child process, to one tracker or for all ranks: the parent's side, and the messages between them."""
