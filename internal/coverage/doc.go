// Package coverage shows and changes what counts as read: the records of the checkpoint, for people and machines; a range that is to be
// read again; coverage that is taken over for another login of the same account.
package coverage
