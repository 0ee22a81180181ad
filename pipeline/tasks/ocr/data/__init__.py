"""Pictures of texts, real and drawn, as every stage takes them."""
