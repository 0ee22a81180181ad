"""For programs that listen: a subscriber, the proof that nothing is missing, commands."""

from edge_agent.client.ledger import Account, Entry, Ledger
from edge_agent.client.remote import Remote
from edge_agent.client.subscriber import Delivery, Subscriber

__all__ = ["Account", "Delivery", "Entry", "Ledger", "Remote", "Subscriber"]
