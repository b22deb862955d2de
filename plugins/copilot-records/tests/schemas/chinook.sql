CREATE TABLE [Artist] ([ArtistId] INTEGER NOT NULL, [Name] NVARCHAR(120), CONSTRAINT [PK_Artist] PRIMARY KEY ([ArtistId]));
CREATE TABLE [Album] (
    [AlbumId] INTEGER NOT NULL, [Title] NVARCHAR(160) NOT NULL, [ArtistId] INTEGER NOT NULL,
    CONSTRAINT [PK_Album] PRIMARY KEY ([AlbumId]),
    FOREIGN KEY ([ArtistId]) REFERENCES [Artist] ([ArtistId]) ON DELETE NO ACTION ON UPDATE NO ACTION);
CREATE TABLE [Employee] (
    [EmployeeId] INTEGER NOT NULL, [LastName] NVARCHAR(20) NOT NULL, [FirstName] NVARCHAR(20) NOT NULL,
    [Title] NVARCHAR(30), [ReportsTo] INTEGER, [BirthDate] DATETIME, [HireDate] DATETIME, [Phone] NVARCHAR(24),
    CONSTRAINT [PK_Employee] PRIMARY KEY ([EmployeeId]),
    FOREIGN KEY ([ReportsTo]) REFERENCES [Employee] ([EmployeeId]));
CREATE TABLE [Customer] (
    [CustomerId] INTEGER NOT NULL, [FirstName] NVARCHAR(40) NOT NULL, [LastName] NVARCHAR(20) NOT NULL,
    [Country] NVARCHAR(40), [Email] NVARCHAR(60) NOT NULL, [SupportRepId] INTEGER,
    CONSTRAINT [PK_Customer] PRIMARY KEY ([CustomerId]),
    FOREIGN KEY ([SupportRepId]) REFERENCES [Employee] ([EmployeeId]));
CREATE TABLE [Invoice] (
    [InvoiceId] INTEGER NOT NULL, [CustomerId] INTEGER NOT NULL, [InvoiceDate] DATETIME NOT NULL,
    [BillingCity] NVARCHAR(40), [Total] NUMERIC(10,2) NOT NULL,
    CONSTRAINT [PK_Invoice] PRIMARY KEY ([InvoiceId]),
    FOREIGN KEY ([CustomerId]) REFERENCES [Customer] ([CustomerId]));
CREATE TABLE [PlaylistTrack] ([PlaylistId] INTEGER NOT NULL, [TrackId] INTEGER NOT NULL,
    CONSTRAINT [PK_PlaylistTrack] PRIMARY KEY ([PlaylistId], [TrackId]));
INSERT INTO Artist VALUES (1, 'AC/DC'), (2, 'Accept'), (3, 'Antônio Carlos Jobim'), (4, NULL);
INSERT INTO Album VALUES (1, 'For Those About To Rock', 1), (2, 'Balls to the Wall', 2), (3, 'Let There Be Rock', 1),
    (4, 'Wave', 3);
INSERT INTO Employee VALUES
    (1, 'Adams', 'Andrew', 'General Manager', NULL, '1962-02-18 00:00:00', '2002-08-14 00:00:00', '+1 (780) 428-9482'),
    (2, 'Edwards', 'Nancy', 'Sales Manager', 1, '1958-12-08 00:00:00', '2002-05-01 00:00:00', '+1 (403) 262-3443'),
    (3, 'Peacock', 'Jane', 'Sales Support Agent', 2, '1973-08-29 00:00:00', '2002-04-01 00:00:00', NULL);
INSERT INTO Customer
    SELECT column1, column2, column3, column4, column5, column6 FROM (VALUES
    (1, 'Luís', 'Gonçalves', 'Brazil', 'luisg@embraer.example', 3),
    (2, 'Leonie', 'Köhler', 'Germany', 'leonekohler@surfeu.example', 3),
    (3, 'François', 'Tremblay', 'Canada', 'ftremblay@gmail.example', 3),
    (4, 'Bjørn', 'Hansen', 'Norway', 'bjorn.hansen@yahoo.example', NULL),
    (5, 'Fernanda', 'Ramos', 'Brazil', 'fernadaramos4@uol.example', NULL),
    (6, 'Mark', 'Philips', 'Canada', 'mphilips12@shaw.example', 3),
    (7, 'Jennifer', 'Peterson', 'Canada', 'jenniferp@rogers.example', 3),
    (8, 'Robert', 'Brown', 'Canada', 'robbrown@shaw.example', 3),
    (9, 'Hannah', 'Schneider', 'Germany', 'hannah.schneider@yahoo.example', 3),
    (10, 'Fynn', 'Zimmermann', 'Germany', 'fzimmermann@yahoo.example', 3));
INSERT INTO Invoice VALUES
    (1, 2, '2009-01-01 00:00:00', 'Stuttgart', 1.98), (2, 4, '2009-01-02 00:00:00', 'Oslo', 3.96),
    (3, 1, '2009-01-03 00:00:00', 'São José dos Campos', 5.94), (4, 1, '2009-02-01 00:00:00', 'São José dos Campos', 8.91);
INSERT INTO PlaylistTrack VALUES (1, 1), (1, 2);
CREATE VIEW CustomerTotals AS
    SELECT c.CustomerId, c.FirstName || ' ' || c.LastName AS Name, sum(i.Total) AS Spent
    FROM Customer c JOIN Invoice i ON i.CustomerId = c.CustomerId GROUP BY c.CustomerId;
CREATE VIEW Totals AS SELECT sum(Total) AS Total FROM Invoice;
