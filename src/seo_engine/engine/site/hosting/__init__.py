"""How hosts serve a folder: which address a file has, and how an address is answered."""
