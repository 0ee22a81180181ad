"""What is said over MQTT: topics, messages, commands, and the schemas made of them."""
