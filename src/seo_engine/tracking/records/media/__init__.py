"""Media: pictures, figures and pages."""
