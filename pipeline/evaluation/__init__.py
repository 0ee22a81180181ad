"""What is known of a bundle's answers for pictures with labels, as values; tasks make them."""
