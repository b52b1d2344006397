"""The lab: simulated devices on loopback behind a real WSMan endpoint.

Two kinds answer there: `replay` devices say what the named cases of `cases.yaml` recorded, `windows` devices run the
scripts on a Windows build of the PowerShell engine.
"""
