"""What an action's image is made of. Reads our files and the folders that are added."""
