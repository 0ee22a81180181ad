"""Topic names: one place, as documented."""

from edge_agent.contract.topics import Topics, subscriptions


def test_topics_are_as_documented() -> None:
    """Subscribers depend on these words."""
    topics = Topics("gate")
    assert topics.status == "edgeward/gate/status"
    assert topics.health == "edgeward/gate/health"
    assert topics.availability("front") == "edgeward/gate/stream/front/availability"
    assert topics.result("front") == "edgeward/gate/stream/front/result"


def test_subscriptions_cover_one_device_or_all() -> None:
    """Every topic of the contract, with wildcards only where asked for."""
    assert subscriptions("gate") == (
        "edgeward/gate/status",
        "edgeward/gate/health",
        "edgeward/gate/stream/+/availability",
        "edgeward/gate/stream/+/result",
    )
    assert all(name.startswith("edgeward/+/") for name in subscriptions())
