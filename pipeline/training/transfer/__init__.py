"""From a trained network to another one of few pictures: the head first, then with care."""
