"""The whole product on real digits, filmed."""
