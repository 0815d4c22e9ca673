"""A script that serves nothing."""

print("nothing to do")
