"""From a data set to a trained network: the loop and all that goes into it."""
