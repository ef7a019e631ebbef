"""The machine this runs on: threads, CPU flags, devices."""
