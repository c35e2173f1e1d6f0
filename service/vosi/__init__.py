"""What the services say about themselves (VOSI 1.1).

``capabilities``  what they can do (TAPRegExt for TAP)
``tables``        the tables and columns
``routes``        the HTTP resources, availability among them
"""
