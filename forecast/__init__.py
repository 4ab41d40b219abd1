"""What a street will look like a moment from now."""
