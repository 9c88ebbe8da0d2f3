"""From a recipe to a checkpoint, and to the record of its test."""
