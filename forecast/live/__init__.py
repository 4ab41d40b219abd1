"""The live page: what a stream is and will be, in a browser and for programs.

Promises that no viewer slows the pipeline or another viewer, that an old picture is never shown as
new, and that only this machine can look unless a token says otherwise. Needs the `live` extra.
"""
