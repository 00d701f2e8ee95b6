module example/statuslist

go 1.22
