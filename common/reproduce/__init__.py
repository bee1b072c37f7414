"""One command per published table: runs what is missing, prints published beside ours."""
