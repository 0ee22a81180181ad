"""`edgeward explain`: one image through a network, layer by layer, in integers one can check."""
