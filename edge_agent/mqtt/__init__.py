"""The connection to a broker: the only importer of the MQTT client."""

# Where a broker is, unless somebody says otherwise. Here, since a command line shows it in its help
# without loading what connects.
DEFAULT_URL = "mqtt://localhost:1883"
