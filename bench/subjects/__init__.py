"""What is measured: artifacts, third-party files, and the images they are shown."""
