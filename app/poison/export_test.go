package poison

// EntryOf reads an entry from its record.
var EntryOf = entryOf
