"""Documents -> pages, in processes that a document may end."""
