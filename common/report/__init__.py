"""What a run looks like: pictures, kinds of errors, and a page that shows them offline."""
