// Package flatfile is what readers of binary recordings share: a file with its complaints (Source), and samples that lie in
// it at regular distances (Reader), multiplexed, channel by channel, or in records of either.
package flatfile
