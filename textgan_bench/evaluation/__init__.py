"""From text to numbers, and to what they depend on."""
