"""How to speak TLS with a broker."""

import ssl

from edge_agent.common.errors import BrokerError
from edge_agent.mqtt.endpoint import Broker


def tls_context(broker: Broker) -> ssl.SSLContext:
    """How to speak TLS with `broker`: whom to believe, and what to show.

    Raises:
        BrokerError: one of its TLS files cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
        if broker.cert_file is not None:
            context.load_cert_chain(broker.cert_file, broker.key_file)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"{broker.endpoint}: the TLS files cannot be used: {error}") from error
    return context
