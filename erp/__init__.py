"""The core: finds modules, switches them on and off, and gives them one way to do each thing."""
