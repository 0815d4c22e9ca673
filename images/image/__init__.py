"""What an image is: its name, its documents, how it starts. Touches nothing."""
