"""What the platform's HTTP library does: reading requests, writing answers, headers, URLs, JSON."""
