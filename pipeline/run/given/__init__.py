"""Networks that a recipe gives as they are, trained by others: what is known of them, measured."""
