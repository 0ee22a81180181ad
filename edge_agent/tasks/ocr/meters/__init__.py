"""What a meter can have counted: rules, evidence, memory, rate."""
