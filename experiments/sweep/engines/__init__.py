"""What runs the units of a sweep: this process, several processes, or a cluster."""
