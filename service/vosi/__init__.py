"""What the service says about itself: VOSI 1.1 documents and DALI examples.

``capabilities``  what it can do (TAPRegExt)
``availability``  whether it works
``tables``        its tables and columns
``examples``      queries worth showing
``routes``        the HTTP resources
"""
