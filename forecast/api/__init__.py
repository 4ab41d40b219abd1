"""What `import forecast` offers, and the only place in the library that joins stages."""
