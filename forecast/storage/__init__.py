"""Where steps are kept: recordings, overlay videos and label pictures.

Promises that what was written before a crash can be read after it, and that an output which could
not be written says so in one line. Knows values and files, and no other stage.
"""
