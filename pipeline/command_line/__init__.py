"""What the commands of `edgeward` share: how their help looks, and what may be chosen."""
