"""One module or package a kind of key: how such a key is made, installed, proved and retired."""
