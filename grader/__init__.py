"""Grades TensorFlow/Keras notebooks: runs them isolated, judges what they did, writes feedback."""

__version__ = "0.1.0"
