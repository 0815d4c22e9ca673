"""Running actions: containers, who waits for one, what is sent to them, what they answer."""
