"""The add-on modules. Each folder is one; the core finds it by its module.py."""
