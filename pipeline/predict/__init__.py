"""What a bundle answers for pictures it has never seen: `edgeward predict` and `evaluate`.

Every answer comes from the device's own preprocessing, interpreter and decoding.
"""
