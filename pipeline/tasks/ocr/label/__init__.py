"""`edgeward label`: what an agent could not read becomes a text folder to train with."""
