"""Plain stacks of convolutions, one after the other."""
