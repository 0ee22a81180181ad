"""The connection to a broker: the only importer of the MQTT client."""
